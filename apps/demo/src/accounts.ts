import { randomBytes } from 'node:crypto';
import { PasswordHash } from './password-hash.ts';
import { COMPANY_PASSWORD, company } from './shared/company.ts';

export interface Account {
  readonly id: string;
  readonly name: string;
  /** What they do in the theatre. */
  readonly role: string;
}

export const MAX_ACCOUNTS = 1_000;

/** Who has signed up, in memory. Passwords are kept as scrypt's output alone. */
export class Accounts {
  readonly #byId = new Map<string, Account>();
  readonly #byName = new Map<string, { readonly account: Account; readonly secret: PasswordHash }>();
  readonly #nobody: PasswordHash;
  readonly #work: number | undefined;

  private constructor(nobody: PasswordHash, work: number | undefined) {
    this.#nobody = nobody;
    this.#work = work;
  }

  /** With the company in it. `work` is that of a password's hash. */
  static async open(work?: number): Promise<Accounts> {
    const nobodys = randomBytes(16).toString('hex');
    const [secret, nobody] = await Promise.all([
      PasswordHash.of(COMPANY_PASSWORD, work),
      PasswordHash.of(nobodys, work),
    ]);
    const accounts = new Accounts(nobody, work);
    for (const { id, name, role } of company) accounts.#add({ id, name, role }, secret);
    return accounts;
  }

  get all(): readonly Account[] {
    return [...this.#byId.values()];
  }

  byId(id: string): Account | undefined {
    return this.#byId.get(id);
  }

  async signUp(name: string, password: string): Promise<Account | 'TAKEN' | 'FULL'> {
    if (this.#byName.has(keyOf(name))) return 'TAKEN';
    if (this.#byId.size >= MAX_ACCOUNTS) return 'FULL';
    const secret = await PasswordHash.of(password, this.#work);
    // Somebody may have been quicker meanwhile.
    if (this.#byName.has(keyOf(name))) return 'TAKEN';
    return this.#add({ id: `guest-${randomBytes(6).toString('hex')}`, name, role: 'Guest' }, secret);
  }

  /** A name that nobody has takes the same time as a wrong password. */
  async signIn(name: string, password: string): Promise<Account | undefined> {
    const found = this.#byName.get(keyOf(name));
    const right = await (found?.secret ?? this.#nobody).matches(password);
    return right ? found?.account : undefined;
  }

  #add(account: Account, secret: PasswordHash): Account {
    this.#byId.set(account.id, account);
    this.#byName.set(keyOf(account.name), { account, secret });
    return account;
  }
}

/** Names that look the same are the same. */
function keyOf(name: string): string {
  return name.normalize('NFKC').toLowerCase().replace(/\s+/g, ' ');
}
