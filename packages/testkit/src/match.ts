/** What a value is expected to have: the same fields, of which `expected` may leave out some, at every depth. */
export function matches(actual: unknown, expected: unknown): boolean {
  if (Object.is(actual, expected)) return true;
  if (typeof actual !== 'object' || actual === null) return false;
  if (typeof expected !== 'object' || expected === null) return false;
  if (Array.isArray(expected)) {
    return (
      Array.isArray(actual) &&
      actual.length === expected.length &&
      expected.every((each, i) => matches(actual[i], each))
    );
  }
  return Object.entries(expected).every(([name, each]) =>
    matches((actual as Record<string, unknown>)[name], each),
  );
}
