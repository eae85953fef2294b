/** What a client or a backend may name: the path of a resource, with its query. Never a host. */
export interface ResourcePath {
  /** As it is requested: in one spelling, whoever named it. */
  readonly path: string;
  readonly pathname: string;
  readonly segments: readonly string[];
}

const maxLength = 2_048;
/** Stands for any origin: what leaves it is refused. */
const nowhere = 'http://refetch.invalid';

/**
 * The path, in one spelling; undefined where it is none, or is one that two programs may read differently: another host or scheme,
 * `..` in any spelling, an encoded slash or percent sign, control characters, bytes that are no UTF-8. It is refused, never mended.
 */
export function pathOf(input: unknown): ResourcePath | undefined {
  if (typeof input !== 'string' || input.length > maxLength) return undefined;
  // Spaces, backslashes, fragments, halves of characters: WHATWG's parser would drop, turn or replace them.
  if (!input.startsWith('/') || /[\p{Cc}\s\\#]|\p{Cs}/u.test(input)) return undefined;
  const cut = input.indexOf('?');
  const named = cut < 0 ? input : input.slice(0, cut);
  const query = cut < 0 ? '' : input.slice(cut);
  // Encoded control characters.
  if (/%(?:[01][0-9a-f]|7f)/i.test(query)) return undefined;
  const segments = named.slice(1).split('/').map(segmentOf);
  if (segments.includes(undefined)) return undefined;
  // `//host` is one of these, and some servers take two slashes for one.
  if (segments.slice(0, -1).includes('')) return undefined;
  const spelt = `/${segments.join('/')}${query}`;
  const url = URL.canParse(spelt, nowhere) ? new URL(spelt, nowhere) : undefined;
  if (url?.origin !== nowhere || url.username !== '' || url.password !== '' || url.hash !== '')
    return undefined;
  const { pathname, search } = url;
  const path = `${pathname}${search}`;
  const read = pathname.slice(1).split('/');
  if (read.length !== segments.length || path.length > 3 * maxLength) return undefined;
  return { path, pathname, segments: read };
}

/** One spelling of a segment, decoded where no reader can tell the difference (RFC 3986, section 6.2.2); undefined where it is none. */
function segmentOf(segment: string): string | undefined {
  if (/%(?![0-9a-f]{2})|%(?:2f|5c|25)/i.test(segment)) return undefined;
  let decoded: string;
  try {
    decoded = decodeURIComponent(segment);
  } catch {
    return undefined;
  }
  // `..;x` is `..` to servers that know path parameters.
  if (/^\.{1,2}(?:;|$)/.test(decoded) || /[\p{Cc}\\/]/u.test(decoded)) return undefined;
  return segment.replace(/%[0-9a-f]{2}/gi, (encoded) => {
    const character = String.fromCharCode(Number.parseInt(encoded.slice(1), 16));
    return /[\w.~-]/.test(character) ? character : encoded.toUpperCase();
  });
}

/** Which paths are meant: `/users/1`, `/users/*` (one segment each), `/public/**` (all below). A query is not looked at. */
export class PathPattern {
  readonly text: string;
  readonly #segments: readonly string[];
  readonly #rest: boolean;

  /** @throws TypeError where it is none. */
  constructor(text: string) {
    this.text = text;
    const named = pathOf(text);
    const segments = [...(named?.segments ?? [])];
    this.#rest = segments.at(-1) === '**';
    if (this.#rest) segments.pop();
    const isPattern = segments.every((each) => each === '*' || !each.includes('*'));
    if (named === undefined || !isPattern || named.path !== named.pathname)
      throw new TypeError(`not a pattern of paths: ${JSON.stringify(text)}`);
    this.#segments = segments;
  }

  static is(text: string): boolean {
    return text.split('?', 1)[0]?.includes('*') === true;
  }

  matches({ segments }: ResourcePath): boolean {
    const wanted = this.#segments;
    if (this.#rest ? segments.length <= wanted.length : segments.length !== wanted.length) return false;
    return wanted.every((each, i) => (each === '*' ? segments[i] !== '' : each === segments[i]));
  }
}
