import { createHmac } from 'node:crypto';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** The key of the example. */
const KEY = Buffer.from('ZXhhbXBsZS1vbmx5LWV4YW1wbGUtb25seS1leGFtcGxlLW9ubHk=', 'base64');

interface CloudEvent {
  readonly id: string;
  readonly subject: string;
  readonly data: { readonly changedKeys?: readonly string[] };
}

/** Takes CloudEvents that are signed by Standard Webhooks, and refuses others. */
export class EventReceiver implements AsyncDisposable {
  readonly events: CloudEvent[] = [];
  refused = 0;

  private constructor(private readonly server: Server) {
    server.on('request', (request, response) => void this.#take(request, response));
  }

  static async start(): Promise<EventReceiver> {
    const receiver = new EventReceiver(createServer());
    await new Promise<void>((resolve) => {
      receiver.server.listen(0, '127.0.0.1', resolve);
    });
    return receiver;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    const isSigned = request.headers['webhook-signature'] === signatureOf(request.headers, body);
    if (isSigned) this.events.push(JSON.parse(body) as CloudEvent);
    else this.refused += 1;
    response.writeHead(isSigned ? 204 : 401).end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => {
      this.server.close(resolve);
    });
  }
}

function signatureOf(headers: IncomingHttpHeaders, body: string): string {
  const signed = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`;
  return `v1,${createHmac('sha256', KEY).update(signed).digest('base64')}`;
}
