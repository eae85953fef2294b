export type { Asked, Change, Terms, Time, To, When } from './asked.ts';
export type { Item, ItemState } from './contract.ts';
export { NotifyError, type NotifyErrorCode } from './errors.ts';
export { memoryStore } from './memory-store.ts';
export { mysqlStore } from './sql/mysql.ts';
export { postgresStore } from './sql/postgres.ts';
export { sqliteStore } from './sql/sqlite.ts';
export type * from './store.ts';
