import type { NotifyStore } from '../src/store.ts';

export type StoreMethod = Exclude<keyof NotifyStore, 'open' | 'close'>;

/** What happens to a call. */
export interface Fault {
  /** It never gets there, or it takes effect and nobody hears of it. */
  readonly when: 'before' | 'after';
  /** Fails, or never answers. */
  readonly how: 'fails' | 'hangs';
}

/** A store between which and its node something goes wrong. */
export function faultyStore(
  store: NotifyStore,
  faultOf: (method: keyof NotifyStore) => Fault | undefined,
  onHang: () => void = () => {},
): NotifyStore {
  const faulty = async (method: keyof NotifyStore, call: () => unknown) => {
    const fault = faultOf(method);
    if (fault === undefined) return call();
    if (fault.when === 'after') await call();
    if (fault.how === 'hangs') {
      onHang();
      return new Promise(() => {});
    }
    throw new Error(`the connection was lost ${fault.when} ${method}`);
  };
  return new Proxy(store, {
    get(target, method: keyof NotifyStore) {
      if (method === 'close') return () => target.close();
      return (...args: never[]) =>
        faulty(method, () => (target[method] as (...args: never[]) => unknown)(...args));
    },
  });
}
