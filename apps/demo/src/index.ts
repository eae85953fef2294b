import { createDemo } from './demo.ts';

const { PORT: given = '4001', JWT_SECRET: secret } = process.env;
const wanted = /^\d{1,5}$/.test(given) ? Number(given) : Number.NaN;
if (!(wanted <= 65_535)) fail(`PORT is no port: ${given}`);
if (secret !== undefined && Buffer.byteLength(secret) < 32) fail('JWT_SECRET needs 32 bytes or more.');

const demo = await createDemo({ port: wanted, ...(secret !== undefined && { secret }) });
const port = await demo.start().catch((error: NodeJS.ErrnoException) => {
  const { code } = error;
  if (code === 'EADDRINUSE')
    fail(`Port ${wanted} is taken. Choose another one, or 0 for any: PORT=0 npm start`);
  if (code === 'EACCES')
    fail(`Port ${wanted} is not for everybody. Choose one above 1023: PORT=4001 npm start`);
  throw error;
});
console.log(`
  Callboard's demo:  http://127.0.0.1:${port}/

  The box office of a small theatre, for this machine only.
  Open it in two or three tabs. Ctrl+C stops it.
`);

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    demo.stop({ graceMs: 1_000 }).then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  });
}

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}
