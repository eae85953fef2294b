import type { Database } from '../database/database.ts';
import { Refusal } from '../refusal.ts';
import { company } from '../shared/company.ts';
import type { Programme, ProgrammeChange } from '../shared/programme.ts';
import { type Show, type ShowId, shows } from '../shared/shows.ts';
import { firstPrinting } from './first-printing.ts';

/** What can be read about each show, and be changed by the company. */
export class Programmes {
  readonly #database: Database;

  private constructor(database: Database) {
    this.#database = database;
  }

  static async open(database: Database): Promise<Programmes> {
    const programmes = new Programmes(database);
    await programmes.#print();
    return programmes;
  }

  /**
   * @param counts whether this is a view
   * @throws Refusal NOT_FOUND
   */
  async read(show: string, viewer: string, { counts }: { readonly counts: boolean }): Promise<Programme> {
    const onTheBill = billed(show);
    const { db } = this.#database;
    if (counts)
      await this.#database.transaction((tx) =>
        tx
          .updateTable('shows')
          .set((row) => ({ views: row('views', '+', 1) }))
          .where('id', '=', onTheBill.id)
          .execute(),
      );
    const { cast_note: castNote, ...kept } = await db
      .selectFrom('shows')
      .select(['synopsis', 'cast_note', 'views', 'version'])
      .where('id', '=', onTheBill.id)
      .executeTakeFirstOrThrow();
    return { ...onTheBill, ...kept, castNote, mayChange: isOfTheCompany(viewer) };
  }

  /** @throws Refusal NOT_FOUND, NOT_YOURS, STALE */
  async change(show: string, viewer: string, version: number, change: ProgrammeChange): Promise<void> {
    const { id } = billed(show);
    if (!isOfTheCompany(viewer)) throw new Refusal('NOT_YOURS', 'Programmes are the company’s to change.');
    const { synopsis, castNote } = change;
    const { numUpdatedRows } = await this.#database.transaction((tx) =>
      tx
        .updateTable('shows')
        .set({
          ...(synopsis !== undefined && { synopsis }),
          ...(castNote !== undefined && { cast_note: castNote }),
        })
        .set((row) => ({ version: row('version', '+', 1) }))
        .where('id', '=', id)
        .where('version', '=', version)
        .executeTakeFirstOrThrow(),
    );
    if (numUpdatedRows === 0n) throw new Refusal('STALE');
  }

  async #print(): Promise<void> {
    const rows = await this.#database.db.selectFrom('shows').select('id').execute();
    const printed = new Set(rows.map(({ id }) => id));
    for (const { id } of shows) {
      if (printed.has(id)) continue;
      const { synopsis, castNote } = firstPrinting[id];
      const row = { id, synopsis, cast_note: castNote };
      // Another server on this database may have been quicker.
      await this.#database
        .transaction((tx) => tx.insertInto('shows').values(row).execute())
        .catch((error: unknown) => {
          if (!this.#database.isDuplicate(error)) throw error;
        });
    }
  }
}

function billed(id: string): Show & { readonly id: ShowId } {
  const show = shows.find((each) => each.id === id);
  if (show === undefined) throw new Refusal('NOT_FOUND', 'There is no such show this winter.');
  return show;
}

const isOfTheCompany = (person: string) => company.some(({ id }) => id === person);
