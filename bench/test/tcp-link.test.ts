import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { eventually, never } from '@kube-trigger/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TcpLink } from '../src/tcp-link.js';

describe('TcpLink', () => {
  let server: Server;
  let link: TcpLink;
  beforeEach(async () => {
    server = createServer((_request, response) => response.end('hello'));
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    link = await TcpLink.to(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  });
  afterEach(async () => {
    await link.close();
    server.closeAllConnections();
    server.close();
  });

  function open(): { socket: Socket; heard: () => string; ended: () => string | undefined } {
    const socket = connect(Number(new URL(link.url).port), '127.0.0.1');
    let text = '';
    let ended: string | undefined;
    socket.on('data', (data: Buffer) => (text += data.toString()));
    socket.on('error', (error: NodeJS.ErrnoException) => (ended = error.code));
    socket.on('end', () => (ended = 'FIN'));
    return { socket, heard: () => text, ended: () => ended };
  }

  const ASK = 'GET / HTTP/1.1\r\nhost: x\r\n\r\n';

  it('silences the connections that are open, without ending them, and lets new ones pass', async () => {
    const old = open();
    old.socket.write(ASK);
    await eventually(() => old.heard().includes('hello'));
    expect(link.silence()).toBe(1);
    const before = old.heard();
    old.socket.write(ASK);
    await never(() => old.heard() !== before || old.ended() !== undefined, { forMs: 300 });

    const fresh = open();
    fresh.socket.write(ASK);
    await eventually(() => fresh.heard().includes('hello'));
    fresh.socket.destroy();
    old.socket.destroy();
  });

  it.for([
    ['reset', 'ECONNRESET'],
    ['fin', 'FIN'],
  ] as const)('cuts with a %s', async ([how, seen]) => {
    const one = open();
    one.socket.write(ASK);
    await eventually(() => one.heard().includes('hello'));
    expect(link.cut(how)).toBe(1);
    await eventually(() => one.ended() === seen);
    await eventually(() => link.openConnections === 0);
  });
});
