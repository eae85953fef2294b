/** Text that every database keeps as it is, and takes for no other: no control characters, no space at its end. */
export function isStorable(text: unknown, max = 255): text is string {
  return (
    typeof text === 'string' && text.length > 0 && text.length <= max && !/[\p{Cc}\p{Cs}]|\s$/u.test(text)
  );
}
