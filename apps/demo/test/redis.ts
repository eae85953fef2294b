export { Redis, redisIsHere } from '../../../packages/ingress-redis/test/redis.ts';
