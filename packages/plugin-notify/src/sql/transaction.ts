import type { InsertQueryBuilder, InsertResult, Kysely, Transaction as KyselyTransaction } from 'kysely';
import type { SqlDialect } from './dialect.ts';
import type { Tables } from './tables.ts';

export type Transaction = KyselyTransaction<Tables>;

const ATTEMPTS = 6;

/** Does all of it, or nothing; once more where it was in another's way. */
export async function transaction<T>(
  db: Kysely<Tables>,
  { rowLocks, isConflict }: SqlDialect,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      const builder = db.transaction();
      // What is locked is what was found: MySQL's default would lock the gaps beside it, too.
      return await (rowLocks ? builder.setIsolationLevel('read committed') : builder).execute(work);
    } catch (error) {
      if (attempt === ATTEMPTS || !isConflict(error)) throw error;
    }
  }
}

/** Inserts what is not there yet. */
export function passingOver<T extends keyof Tables>(
  { ignore }: SqlDialect,
  insert: InsertQueryBuilder<Tables, T, InsertResult>,
): InsertQueryBuilder<Tables, T, InsertResult> {
  return ignore === 'insert ignore' ? insert.ignore() : insert.onConflict((conflict) => conflict.doNothing());
}

/** As many rows as one statement takes: in few sizes, as a statement that is known is not made again. */
export function* chunks<T>(rows: readonly T[]): Generator<readonly T[]> {
  for (let i = 0; i < rows.length; ) {
    const left = rows.length - i;
    const size = SIZES.find((each) => each <= left) ?? left;
    yield rows.slice(i, i + size);
    i += size;
  }
}
const SIZES = [512, 128, 32, 8];
