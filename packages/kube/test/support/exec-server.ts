import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';

export interface Handshake {
  readonly url: URL;
  readonly headers: IncomingMessage['headers'];
}

/** The other end of one command. */
export class Command {
  constructor(
    readonly handshake: Handshake,
    readonly socket: WebSocket,
    private readonly wire: Socket,
  ) {}

  get words(): string[] {
    return this.handshake.url.searchParams.getAll('command');
  }

  get closed(): boolean {
    return this.wire.destroyed;
  }

  /** Resolves when it was handed to the kernel, so that a test does not hold all output itself. */
  write(channel: 1 | 2 | 3, data: string | Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      const message = Buffer.concat([Buffer.from([channel]), Buffer.from(data as string)]);
      this.socket.send(message, (error) => (error instanceof Error ? reject(error) : resolve()));
    });
  }

  async exit(code: number): Promise<void> {
    const causes = [{ reason: 'ExitCode', message: String(code) }];
    const failure = { status: 'Failure', reason: 'NonZeroExitCode', message: 'it failed', details: { causes } };
    await this.status(code === 0 ? { status: 'Success' } : failure);
  }

  async status(status: object): Promise<void> {
    await this.write(3, JSON.stringify({ metadata: {}, ...status }));
    this.socket.close(1000);
  }

  /** Without a close frame. */
  cut(): void {
    this.wire.destroy();
  }

  /** Says nothing any more, not even pongs, and keeps the connection. */
  freeze(): void {
    this.wire.pause();
  }
}

/** An API server that knows `pods/exec` only. */
export class ExecServer implements AsyncDisposable {
  readonly handshakes: Handshake[] = [];
  readonly commands: Command[] = [];
  /** What is done with each command. */
  onCommand: (command: Command) => unknown = () => undefined;
  /** Answers instead of opening a WebSocket; `hang` answers nothing. */
  refuse: (handshake: Handshake) => Refusal | 'hang' | undefined = () => undefined;
  /** Which of the offered subprotocols it takes: the first of these. */
  speaks = ['v4.channel.k8s.io'];
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;

  private constructor() {
    const upgrades = new WebSocketServer({
      noServer: true,
      handleProtocols: (offered) => this.speaks.find((protocol) => offered.has(protocol)) ?? false,
    });
    this.#server = createServer();
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    this.#server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      const handshake = { url: new URL(request.url ?? '', 'http://server'), headers: request.headers };
      this.handshakes.push(handshake);
      const refused = this.refuse(handshake);
      if (refused === 'hang') return void socket.resume().on('end', () => socket.destroy());
      if (refused !== undefined) return void socket.end(answer(refused));
      upgrades.handleUpgrade(request, socket, head, (websocket) => {
        const command = new Command(handshake, websocket, socket as Socket);
        this.commands.push(command);
        this.onCommand(command);
      });
    });
  }

  static async start(): Promise<ExecServer> {
    const made = new ExecServer();
    await new Promise<void>((resolve) => {
      made.#server.listen(0, '127.0.0.1', resolve);
    });
    return made;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get openSockets(): number {
    return this.#sockets.size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }
}

export interface Refusal {
  readonly status: number;
  readonly body: string;
}

function answer({ status, body }: Refusal): string {
  return `HTTP/1.1 ${status} x\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

/** As an API server refuses. */
export function refusal(status: number, message: string): Refusal {
  return { status, body: JSON.stringify({ kind: 'Status', status: 'Failure', message, code: status }) };
}
