/** What every client presents and every server checks. */
export const token = 't';
