/** People who have an account from the start, so that a visitor can be one of them. */
export const company = [
  { id: 'orla', name: 'Orla Finch', role: 'Stage manager', does: 'says “go”' },
  { id: 'teodor', name: 'Teodor Vance', role: 'Leading man', does: 'goes' },
  { id: 'winifred', name: 'Winifred Osei', role: 'Dresser', does: 'has pins' },
  { id: 'barnaby', name: 'Barnaby Quill', role: 'Front of house', does: 'has keys' },
] as const;

export const isOfTheCompany = (id: string): boolean => company.some((each) => each.id === id);

/** What they sign in with. */
export const emailOf = (id: string): string => `${id}@tallow-street.example`;

/** Theirs, all four. The page shows it: the server is for this machine only. */
export const COMPANY_PASSWORD = 'break-a-leg';
