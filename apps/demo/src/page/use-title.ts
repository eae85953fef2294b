import { useEffect } from 'react';

/** The tab's title, as long as this is there. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title;
    return () => {
      document.title = 'Tallow Street Theatre';
    };
  }, [title]);
}
