/** What a page and its network tell. Outside of a browser there is nothing to be told. */
export function watchPage({ wake, leave }: { wake(): void; leave(): void }): () => void {
  const { addEventListener, removeEventListener, document } = globalThis;
  if (typeof document !== 'object' || typeof addEventListener !== 'function') return () => {};
  const visible = () => {
    if (document.visibilityState === 'visible') wake();
  };
  // One that the browser keeps may be shown again: its session waits.
  const hidden = ({ persisted }: PageTransitionEvent) => {
    if (!persisted) leave();
  };
  document.addEventListener('visibilitychange', visible);
  addEventListener('online', wake);
  addEventListener('pageshow', wake);
  addEventListener('pagehide', hidden);
  return () => {
    document.removeEventListener('visibilitychange', visible);
    removeEventListener('online', wake);
    removeEventListener('pageshow', wake);
    removeEventListener('pagehide', hidden);
  };
}
