const stalledAfterMs = 15_000;

/** Ends the run if there is no progress for a while, which no peer needs: something is lost. */
export function watchForStall(describe: () => string): { progress(): void; stop(): void } {
  let moved = false;
  const timer = setInterval(() => {
    if (!moved) throw new Error(`Nothing arrives any more: ${describe()}`);
    moved = false;
  }, stalledAfterMs);
  return {
    progress: () => {
      moved = true;
    },
    stop: () => clearInterval(timer),
  };
}
