import { createDemo } from './demo.ts';

const given = process.env.PORT ?? '4001';
const port = /^\d{1,5}$/.test(given) ? Number(given) : Number.NaN;
if (!(port <= 65_535)) fail(`PORT is no port: ${given}`);

const server = createDemo({ port });
try {
  await server.start();
} catch (error) {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE')
    fail(`Port ${port} is taken. Choose another one, or 0 for any: PORT=0 npm start`);
  if (code === 'EACCES')
    fail(`Port ${port} is not for everybody. Choose one above 1023: PORT=4001 npm start`);
  throw error;
}
console.log(`
  Callboard's demo:  http://127.0.0.1:${server.port}/

  It asks nobody for a password, and so is there for this machine only.
  Open it in two or three tabs. Ctrl+C stops it.
`);

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    server.disconnect({ graceMs: 1_000 }).then(
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
