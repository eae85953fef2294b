import { createClient } from '@callboard/client';

const client = createClient({ endPoint: '/', userId: 44 });
client.sendToServer({ type: 'HELLO' }).then(console.log);
