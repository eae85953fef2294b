import type { Dialect, Kysely } from 'kysely';
import type { ColumnTypes } from './migrations.ts';
import type { Tables } from './tables.ts';

/** What differs between databases; everything else is one set of queries. */
export interface SqlDialect {
  /** Loads the driver, and connects when something is asked. */
  connect(): Promise<Dialect>;
  readonly types: ColumnTypes;
  /** Has locks on rows, `for update skip locked`, and levels of isolation. */
  readonly rowLocks: boolean;
  /** How what is there already is passed over. */
  readonly ignore: 'on conflict' | 'insert ignore';
  /** Runs `migrate` on one connection, while no other node does. */
  exclusively(db: Kysely<Tables>, migrate: (connection: Kysely<Tables>) => Promise<void>): Promise<void>;
  /** Two transactions were in each other's way: the same again may succeed at once. */
  isConflict(error: unknown): boolean;
  /** A migration failed as it had been done already, and was interrupted before that was noted. */
  isDone(error: unknown): boolean;
}

export const codeOf = (error: unknown): unknown => (error as { readonly code?: unknown } | null)?.code;
