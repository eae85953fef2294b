export { selfSigned } from '../../transport-ws/test/certificate.ts';
