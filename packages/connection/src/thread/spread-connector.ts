/** The connections of one caller, spread over several threads. */
import type { Connector, Established, EstablishOptions } from '@nbdjs/interfaces';

/** A connector of one thread. */
interface Member {
  readonly connector: Connector;
  /** Its connections that are open, and the calls that wait for one. */
  load: number;
}

/** Gives each connection to the thread that has the fewest of this caller. Threads that are not needed are not started. */
export class SpreadConnector implements Connector {
  readonly #members: readonly Member[];

  /** @param connectors one for each thread; they belong to this one, and are released with it */
  constructor(connectors: readonly Connector[]) {
    this.#members = connectors.map((connector) => ({ connector, load: 0 }));
  }

  async establish(options: EstablishOptions): Promise<Established> {
    // The first of those with the fewest: who asks again for an attempt that goes on comes to the thread that makes it.
    const member = this.#members.reduce((least, other) => (other.load < least.load ? other : least));
    member.load++;
    try {
      const established = await member.connector.establish(options);
      void established.channel.closed.then(() => member.load--);
      return established;
    } catch (error) {
      member.load--;
      throw error;
    }
  }

  retry(on: boolean): void {
    for (const { connector } of this.#members) connector.retry(on);
  }

  release(): void {
    for (const { connector } of this.#members) connector.release();
  }
}
