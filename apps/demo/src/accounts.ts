import { randomBytes } from 'node:crypto';
import type { Database, Tx } from './database/database.ts';
import { Passwords } from './passwords.ts';
import { Refusal } from './refusal.ts';
import { COMPANY_PASSWORD, company } from './shared/company.ts';

export interface Account {
  readonly id: string;
  readonly name: string;
  /** What they do in the theatre. */
  readonly role: string;
}

/** An account as its owner sees it. */
export interface Profile extends Account {
  /** What they say about themselves. */
  readonly about: string;
  /** How often it was looked at. */
  readonly views: number;
  /** Counts what its owner changed. */
  readonly version: number;
}

export interface ProfileChange {
  readonly name?: string | undefined;
  readonly about?: string | undefined;
  readonly password?: { readonly current: string; readonly next: string } | undefined;
}

export interface AccountsOptions {
  /** Whether the company, whose password is printed on the page, may come in. */
  readonly withCompany: boolean;
  /** Less than the default is for tests. */
  readonly passwords?: Passwords;
}

const MOST_LISTED = 100;

/** Who has signed up. Of their passwords there is Argon2id's output alone. */
export class Accounts {
  readonly #database: Database;
  readonly #passwords: Passwords;
  /** That of nobody, of whom nobody knows the password. */
  readonly #nobodys: string;
  readonly #withCompany: boolean;

  private constructor(database: Database, passwords: Passwords, nobodys: string, withCompany: boolean) {
    this.#database = database;
    this.#passwords = passwords;
    this.#nobodys = nobodys;
    this.#withCompany = withCompany;
  }

  static async open(database: Database, options: AccountsOptions): Promise<Accounts> {
    const { withCompany, passwords = new Passwords() } = options;
    const nobodys = await passwords.hash(randomBytes(16).toString('hex'));
    const accounts = new Accounts(database, passwords, nobodys, withCompany);
    if (withCompany) await accounts.#addCompany();
    return accounts;
  }

  /** The company first; at most 100. */
  async all(): Promise<readonly Account[]> {
    const rows = await this.#database.db
      .selectFrom('people')
      .select(['id', 'name', 'role'])
      .orderBy('id')
      .limit(MOST_LISTED)
      .execute();
    const rank = ({ id }: Account) => companyIds.indexOf(id) + 1 || Number.POSITIVE_INFINITY;
    return rows.sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1));
  }

  byId(id: string): Promise<Account | undefined> {
    return this.#database.db
      .selectFrom('people')
      .select(['id', 'name', 'role'])
      .where('id', '=', id)
      .executeTakeFirst();
  }

  /** @throws Refusal NAME_TAKEN */
  async signUp(name: string, password: string): Promise<Account> {
    const account = { id: `guest-${randomBytes(6).toString('hex')}`, name, role: 'Guest' };
    await this.#add(account, await this.#passwords.hash(password));
    return account;
  }

  /** A name that nobody has takes the same work as a wrong password. @throws Refusal WRONG */
  async signIn(name: string, password: string): Promise<Account> {
    const found = await this.#database.db
      .selectFrom('people')
      .select(['id', 'name', 'role', 'password'])
      .where('name_key', '=', keyOf(name))
      .executeTakeFirst();
    const right = await this.#passwords.matches(found?.password ?? this.#nobodys, password);
    if (found === undefined || !right) throw new Refusal('WRONG');
    const { password: _, ...account } = found;
    // They may be in the database since it was a demo's.
    if (!this.#withCompany && companyIds.includes(account.id)) throw new Refusal('WRONG');
    return account;
  }

  /** @param counts whether this is a view */
  async profile(id: string, { counts }: { readonly counts: boolean }): Promise<Profile> {
    const { db } = this.#database;
    if (counts)
      await this.#database.transaction((tx) =>
        tx
          .updateTable('people')
          .set((row) => ({ views: row('views', '+', 1) }))
          .where('id', '=', id)
          .execute(),
      );
    return db
      .selectFrom('people')
      .select(['id', 'name', 'role', 'about', 'views', 'version'])
      .where('id', '=', id)
      .executeTakeFirstOrThrow();
  }

  /** @throws Refusal STALE, NAME_TAKEN, WRONG, OF_THE_HOUSE */
  async change(id: string, version: number, { name, about, password }: ProfileChange): Promise<void> {
    if (companyIds.includes(id) && (name ?? password) !== undefined) throw new Refusal('OF_THE_HOUSE');
    const { db } = this.#database;
    const kept = await db
      .selectFrom('people')
      .select('password')
      .where('id', '=', id)
      .executeTakeFirstOrThrow();
    if (password && !(await this.#passwords.matches(kept.password, password.current)))
      throw new Refusal('WRONG', 'That is not your password now.');
    const next = password && (await this.#passwords.hash(password.next));
    const changed = await this.#unlessTaken((tx) =>
      tx
        .updateTable('people')
        .set({
          ...(name !== undefined && { name, name_key: keyOf(name) }),
          ...(about !== undefined && { about }),
          ...(next !== undefined && { password: next }),
        })
        .set((row) => ({ version: row('version', '+', 1) }))
        .where('id', '=', id)
        .where('version', '=', version)
        .executeTakeFirstOrThrow(),
    );
    if (changed.numUpdatedRows === 0n) throw new Refusal('STALE');
  }

  async #add({ id, name, role }: Account, password: string): Promise<void> {
    const row = { id, name, name_key: keyOf(name), role, about: '', password };
    await this.#unlessTaken((tx) => tx.insertInto('people').values(row).execute());
  }

  async #addCompany(): Promise<void> {
    const missing = [];
    for (const { id, name, role } of company)
      if ((await this.byId(id)) === undefined) missing.push({ id, name, role });
    if (missing.length === 0) return;
    const password = await this.#passwords.hash(COMPANY_PASSWORD);
    // Another server on this database may have been quicker.
    for (const each of missing)
      await this.#add(each, password).catch((error: unknown) => {
        if (!(error instanceof Refusal)) throw error;
      });
  }

  async #unlessTaken<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    try {
      return await this.#database.transaction(work);
    } catch (error) {
      throw this.#database.isDuplicate(error) ? new Refusal('NAME_TAKEN') : error;
    }
  }
}

const companyIds: readonly string[] = company.map(({ id }) => id);

const MOST_OF_KEY = 200;

/** Names that look the same are the same. Some characters stand for many: what does not fit is not looked at. */
function keyOf(name: string): string {
  const key = name.normalize('NFKC').toLowerCase().replace(/\s+/g, ' ');
  return [...key].slice(0, MOST_OF_KEY).join('');
}
