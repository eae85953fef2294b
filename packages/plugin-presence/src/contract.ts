export * from './users/contract.ts';
