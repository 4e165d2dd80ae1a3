/**
 * Takes connections on the socket of its first argument and answers each message with the same sixty bytes: what osqueryd's
 * calls cost a Node that does nothing with them.
 */
import { createServer } from 'node:net';

const answer = Buffer.alloc(60);
answer.set([0x80, 1, 0, 2]);
const server = createServer({ allowHalfOpen: true }, (socket) => {
  socket.on('error', () => {});
  socket.on('data', () => socket.write(answer));
  socket.on('end', () => socket.end());
});
server.listen(process.argv[2], () => process.send?.('listening'));
process.once('disconnect', () => process.exit());
