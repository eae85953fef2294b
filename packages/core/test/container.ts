import 'reflect-metadata';

/** tsyringe's own, as an application has it. */
export { container } from 'tsyringe';
