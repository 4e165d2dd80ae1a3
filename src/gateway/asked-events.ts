import type { Request } from '../vocabulary/model.ts';

/**
 * The events that a Zeek has asked to have its rows as, and the topics that it wants them on, as far as they passed
 * here. Zeek handles any event that it is sent, its own among them, so nothing else is let through.
 */
export class AskedEvents {
  readonly #names = new Set<string>();
  readonly #topics = new Set<string>();

  has(name: string): boolean {
    return this.#names.has(name);
  }

  hasTopic(topic: string): boolean {
    return this.#topics.has(topic);
  }

  get names(): readonly string[] {
    return [...this.#names];
  }

  add(name: string, topic?: string): void {
    this.#names.add(name);
    if (topic !== undefined) this.#topics.add(topic);
  }

  /** @returns whether it asks for rows */
  learn(request: Request): boolean {
    switch (request.type) {
      case 'subscribe':
      case 'execute':
        this.add(request.query.event, request.query.responseTopic);
        return true;
      case 'desiredQueries':
        for (const { event, responseTopic } of request.queries) this.add(event, responseTopic);
        return request.queries.length > 0;
      default:
        return false;
    }
  }
}
