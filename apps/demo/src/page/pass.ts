/** Who is signed in to this tab, and what proves it. */
export interface Pass {
  readonly token: string;
  readonly user: { readonly id: string; readonly name: string; readonly role: string };
}

const KEY = 'tallow-street.pass';

/** Kept by the tab: a tab that this one opens gets a copy, any other one asks who you are. */
export const passInTab = {
  read(): Pass | undefined {
    try {
      const pass = JSON.parse(sessionStorage.getItem(KEY) ?? 'null') as Pass | null;
      return pass ?? undefined;
    } catch {
      return undefined;
    }
  },
  write(pass: Pass): void {
    sessionStorage.setItem(KEY, JSON.stringify(pass));
  },
  /** Unless its owner has left meanwhile. */
  replace(pass: Pass): void {
    if (passInTab.read()?.user.id === pass.user.id) passInTab.write(pass);
  },
  forget(): void {
    sessionStorage.removeItem(KEY);
  },
};
