import { io } from 'socket.io-client';

const socket = io('/');
socket.emit('HELLO', console.log);
