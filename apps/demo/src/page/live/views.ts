const words = ['Never looked at', 'Looked at once', 'Looked at twice'];

/** How often something was looked at, as a sentence begins. */
export const viewsInWords = (views: number): string => words[views] ?? `Looked at ${views} times`;
