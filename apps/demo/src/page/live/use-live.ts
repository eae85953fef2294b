import { useEffect, useState } from 'react';
import type { Office } from '../office.ts';
import { LiveResource, type Versioned } from './live-resource.ts';

/** The resource of the REST API, for as long as the page is there. @param changed what is said when it is another one */
export function useLive<T extends Versioned>(
  { client, refetch, book, announcer, pass }: Office,
  path: string,
  changed: string,
): LiveResource<T> | undefined {
  const [resource, setResource] = useState<LiveResource<T>>();
  useEffect(() => {
    const opened = new LiveResource<T>({
      ...{ client, refetch, book, path, pass },
      changed: () => announcer.sayAtRest(path, changed),
    });
    setResource(opened);
    return () => {
      announcer.hush(path);
      opened.close();
    };
  }, [client, refetch, book, announcer, pass, path, changed]);
  return resource;
}
