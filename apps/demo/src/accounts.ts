import { randomBytes } from 'node:crypto';
import type { Database, Tx } from './database/database.ts';
import type { Bearer } from './passes.ts';
import { Passwords } from './passwords.ts';
import { Refusal } from './refusal.ts';
import { COMPANY_PASSWORD, company, emailOf, isOfTheCompany } from './shared/company.ts';

export interface Account {
  readonly id: string;
  readonly name: string;
  /** What they do in the theatre. */
  readonly role: string;
}

/** An account as its owner sees it. */
export interface Profile extends Account {
  /** What they sign in with, which nobody else is told; null where they signed up before there were any. */
  readonly email: string | null;
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
  readonly email?: SignInChange | undefined;
  /** Ends all tokens there are. */
  readonly password?: SignInChange | undefined;
}

interface SignInChange {
  /** The password as it is. */
  readonly current: string;
  readonly next: string;
}

export interface Login {
  readonly email: string;
  readonly password: string;
}

/** Whose password was right. */
export interface SignedIn {
  readonly account: Account;
  /** As it was then: where the password is another by now, a token of this version is no good. */
  readonly tokenVersion: number;
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

  /** Undefined where there is none, or the token is of another version. */
  of({ id, tokenVersion }: Bearer): Promise<Account | undefined> {
    return this.#database.db
      .selectFrom('people')
      .select(['id', 'name', 'role'])
      .where('id', '=', id)
      .where('token_version', '=', tokenVersion)
      .executeTakeFirst();
  }

  /** @throws Refusal NAME_TAKEN, EMAIL_TAKEN */
  async signUp(name: string, { email, password }: Login): Promise<SignedIn> {
    const account = { id: `guest-${randomBytes(6).toString('hex')}`, name, role: 'Guest' };
    await this.#add(account, email, await this.#passwords.hash(password));
    return { account, tokenVersion: 1 };
  }

  /** An e-mail that nobody has takes the same work as a wrong password. @throws Refusal WRONG */
  async signIn({ email, password }: Login): Promise<SignedIn> {
    const found = await this.#database.db
      .selectFrom('people')
      .select(['id', 'name', 'role', 'password', 'token_version'])
      .where('email', '=', email.toLowerCase())
      .executeTakeFirst();
    const right = await this.#passwords.matches(found?.password ?? this.#nobodys, password);
    if (found === undefined || !right) throw new Refusal('WRONG');
    const { password: _, token_version: tokenVersion, ...account } = found;
    // They may be in the database since it was a demo's.
    if (!this.#withCompany && isOfTheCompany(account.id)) throw new Refusal('WRONG');
    return { account, tokenVersion };
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
      .select(['id', 'name', 'role', 'email', 'about', 'views', 'version'])
      .where('id', '=', id)
      .executeTakeFirstOrThrow();
  }

  /**
   * The version of tokens from now on.
   *
   * @throws Refusal STALE, NAME_TAKEN, EMAIL_TAKEN, WRONG, OF_THE_HOUSE
   */
  async change(id: string, version: number, change: ProfileChange): Promise<number> {
    const { name, about, email, password } = change;
    if (isOfTheCompany(id) && (name ?? email ?? password) !== undefined) throw new Refusal('OF_THE_HOUSE');
    const { db } = this.#database;
    const kept = await db
      .selectFrom('people')
      .select(['password', 'token_version'])
      .where('id', '=', id)
      .executeTakeFirstOrThrow();
    for (const given of [email, password])
      if (given && !(await this.#passwords.matches(kept.password, given.current)))
        throw new Refusal('WRONG', 'That is not your password now.');
    const next = password && (await this.#passwords.hash(password.next));
    const tokenVersion = kept.token_version + (next === undefined ? 0 : 1);
    const changed = await this.#unlessTaken({ id, email: email?.next }, (tx) =>
      tx
        .updateTable('people')
        .set({
          ...(name !== undefined && { name, name_key: keyOf(name) }),
          ...(about !== undefined && { about }),
          ...(email !== undefined && { email: email.next.toLowerCase() }),
          ...(next !== undefined && { password: next, token_version: tokenVersion }),
        })
        .set((row) => ({ version: row('version', '+', 1) }))
        .where('id', '=', id)
        .where('version', '=', version)
        .executeTakeFirstOrThrow(),
    );
    // What was read above is of that version, or nothing was written: each change counts.
    if (changed.numUpdatedRows === 0n) throw new Refusal('STALE');
    return tokenVersion;
  }

  async #add({ id, name, role }: Account, email: string, password: string): Promise<void> {
    const row = { id, name, name_key: keyOf(name), role, email: email.toLowerCase(), about: '', password };
    await this.#unlessTaken({ id, email }, (tx) => tx.insertInto('people').values(row).execute());
  }

  /** Those of them that are there already may be so since before there were e-mails. */
  async #addCompany(): Promise<void> {
    const rows = await this.#database.db
      .selectFrom('people')
      .select(['id', 'email'])
      .where('id', 'in', companyIds)
      .execute();
    const missing = company.filter(({ id }) => !rows.some((row) => row.id === id));
    const password = missing.length > 0 ? await this.#passwords.hash(COMPANY_PASSWORD) : '';
    // Another server on this database may have been quicker.
    const unlessRefused = (error: unknown) => {
      if (!(error instanceof Refusal)) throw error;
    };
    for (const each of missing) await this.#add(each, emailOf(each.id), password).catch(unlessRefused);
    for (const { id } of rows.filter(({ email }) => email === null))
      await this.#unlessTaken({ id, email: emailOf(id) }, (tx) =>
        tx
          .updateTable('people')
          .set({ email: emailOf(id) })
          .where('id', '=', id)
          .execute(),
      ).catch(unlessRefused);
  }

  /** @throws Refusal NAME_TAKEN, EMAIL_TAKEN */
  async #unlessTaken<T>(wanted: Wanted, work: (tx: Tx) => Promise<T>): Promise<T> {
    try {
      return await this.#database.transaction(work);
    } catch (error) {
      if (!this.#database.isDuplicate(error)) throw error;
      throw new Refusal((await this.#isEmailTaken(wanted)) ? 'EMAIL_TAKEN' : 'NAME_TAKEN');
    }
  }

  async #isEmailTaken({ id, email }: Wanted): Promise<boolean> {
    if (email === undefined) return false;
    const holder = await this.#database.db
      .selectFrom('people')
      .select('id')
      .where('email', '=', email.toLowerCase())
      .executeTakeFirst();
    return holder !== undefined && holder.id !== id;
  }
}

/** By whom. */
interface Wanted {
  readonly id: string;
  readonly email: string | undefined;
}

const companyIds: string[] = company.map(({ id }) => id);

const MOST_OF_KEY = 200;

/** Names that look the same are the same. Some characters stand for many: what does not fit is not looked at. */
function keyOf(name: string): string {
  const key = name.normalize('NFKC').toLowerCase().replace(/\s+/g, ' ');
  return [...key].slice(0, MOST_OF_KEY).join('');
}
