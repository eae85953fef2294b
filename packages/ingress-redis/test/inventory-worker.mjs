import { createClient } from 'redis';

/** The worker of the inventory forebear: a process of its own that knows Redis and nothing of Callboard. */
const [url, ...sales] = process.argv.slice(2);
const redis = await createClient({ url: url }).connect();
for (const sale of sales) {
  const [productId, newInventory] = sale.split('=');
  await redis.publish(
    'inventory-updates',
    JSON.stringify({ productId: Number(productId), newInventory: Number(newInventory) }),
  );
}
await redis.close();
