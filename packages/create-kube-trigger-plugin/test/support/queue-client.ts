/** What a test asks of examples/plugin-queue/example/queue-server.mjs. */
export class QueueClient {
  constructor(private readonly url: string) {}

  async send(body: unknown): Promise<string> {
    const response = await fetch(`${this.url}/messages`, { method: 'POST', body: JSON.stringify(body) });
    return ((await response.json()) as { id: string }).id;
  }

  /** Messages that are not deleted. */
  async count(): Promise<number> {
    const response = await fetch(`${this.url}/count`);
    return ((await response.json()) as { messages: number }).messages;
  }
}
