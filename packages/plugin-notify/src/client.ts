export type { Item, ItemState } from './contract.ts';
