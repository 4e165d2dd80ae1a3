import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Truth } from './truth.ts';

const SERVERS = join(import.meta.dirname, 'servers.ts');
const CLIENT = join(import.meta.dirname, 'client.ts');

/** A server that asks for the client's address as it accepts, and leaves each connection to a child. */
const FORKING_SERVER = `
use Socket; $SIG{CHLD} = "IGNORE"; my $port = shift; socket(my $s, PF_INET, SOCK_STREAM, 0);
setsockopt($s, SOL_SOCKET, SO_REUSEADDR, 1); bind($s, sockaddr_in($port, INADDR_ANY)); listen($s, 511);
$| = 1; print "$$\\n";
while (my $peer = accept(my $c, $s)) { if (fork() == 0) { my ($p) = sockaddr_in($peer); my $line = <$c>;
  my ($hold) = $line =~ /hold=(\\d+)/; select(undef, undef, undef, $hold / 1000);
  print $c "HTTP/1.0 200 OK\\r\\n\\r\\n$p $$ " . getppid() . "\\n"; close($c); exit } close($c) }
`;

interface Request {
  readonly kind: string;
  readonly host: string;
  readonly port: number;
  /** Milliseconds for which the server lets it wait. */
  readonly hold: number;
}

/** This machine's own addresses: what goes to them is seen on the loopback interface. */
export function ownAddresses(): { readonly v4: string; readonly v6: string | undefined } {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const outer = all.filter(({ internal, address }) => !internal && !address.startsWith('fe80'));
  return {
    v4: outer.find(({ family }) => family === 'IPv4')?.address ?? '127.0.0.1',
    v6: outer.find(({ family }) => family === 'IPv6')?.address,
  };
}

/** Makes connections of many kinds, and writes down who made which. */
export class Generator {
  readonly truth: Truth[] = [];
  readonly #base: number;
  readonly #servers: number[] = [];

  /** @param base the first of the ports to use */
  constructor(base: number) {
    this.#base = base;
  }

  async start(): Promise<void> {
    const kinds = ['plain', 'plain', 'plain', 'cluster', 'shared', 'shared', 'udp'];
    const ports = [0, 1, 2, 3, 4, 4, 5];
    for (const [n, kind] of kinds.entries())
      await this.#serve([process.execPath, SERVERS, kind, String(this.#base + (ports[n] ?? 0))]);
    await this.#serve(['perl', '-e', FORKING_SERVER, String(this.#base + 6)]);
    await pause(2_000);
  }

  /** As a child of init, as servers are, and not of this program. */
  async #serve(command: readonly string[]): Promise<void> {
    const { stdout } = spawn('setsid', ['-f', ...command], { stdio: ['ignore', 'pipe', 'ignore'] });
    const [pid] = await once(stdout, 'data');
    this.#servers.push(Number(String(pid)));
  }

  stop(): void {
    for (const pid of this.#servers.splice(0)) process.kill(pid);
  }

  /** All kinds, `scale` times as many as the least, where sockets are polled every `poll` seconds. */
  async run(scale: number, poll: number): Promise<void> {
    const { v4, v6 } = ownAddresses();
    const [a, b, c, forks, shares, udp, children] = [0, 1, 2, 3, 4, 5, 6].map((n) => this.#base + n);
    if (!a || !b || !c || !forks || !shares || !udp || !children) return;
    const to = (kind: string, host: string, port: number, hold: number): Request => ({
      kind,
      host,
      port,
      hold,
    });
    const turns = Array.from({ length: scale }, (_, turn) => turn);

    const going: Promise<unknown>[] = [];
    const gap = (mean: number) => pause(-Math.log(1 - Math.random()) * mean);
    for (let n = 0; n < 40 * scale; n += 1) {
      going.push(this.#curl(to('one after another, short', v4, [a, b, c][n % 3] ?? a, 0)));
      await gap(150);
    }
    for (let n = 0; n < 30 * scale; n += 1) {
      going.push(
        this.#curl(to('one after another, 0 to 8 s', v4, [a, b, c][n % 3] ?? a, Math.random() * 8_000)),
      );
      await gap(200);
    }
    for (let n = 0; n < 15 * scale; n += 1) {
      if (v6) going.push(this.#curl(to('IPv6', v6, a, Math.random() * 500)));
      going.push(this.#bash(to('blocking connects', v4, b, Math.random() * 300)));
      await gap(200);
    }
    await Promise.all(going.splice(0));

    for (const _ of turns) {
      await Promise.all(
        Array.from({ length: 50 }, () => this.#curl(to('burst, 50 programs, short', v4, a, 0))),
      );
      await gap(500);
      const held = to('burst, 50 programs, 3 s', v4, b, 3_000);
      await Promise.all(Array.from({ length: 50 }, () => this.#curl(held)));
      await gap(500);
      await this.#node('burst', to('burst, one program, short', v4, c, 0), 50);
      await gap(500);
      await Promise.all([
        this.#node('spread', to('several programs, one server', v4, a, 20), 10),
        this.#node('spread', to('several programs, one server', v4, a, 20), 10),
        ...Array.from({ length: 10 }, async () => {
          await pause(Math.random() * 2_000);
          await this.#curl(to('several programs, one server', v4, a, 5));
        }),
        ...Array.from({ length: 5 }, async () => {
          await pause(Math.random() * 2_000);
          await this.#bash(to('several programs, one server', v4, a, 5));
        }),
      ]);
      for (let n = 0; n < 10; n += 1) {
        going.push(this.#curl(to('server that hands over', v4, forks, n % 2 ? 0 : 4_000)));
        going.push(this.#curl(to('server that forks', v4, children, n % 2 ? 0 : 4_000)));
        going.push(this.#curl(to('two servers on a port', v4, shares, n % 2 ? 0 : 4_000)));
        // Nobody listens there.
        going.push(this.#curl(to('refused', v4, this.#base + 9, 0)));
        await gap(100);
      }
      await Promise.all(going.splice(0));
      await Promise.all([
        this.#node('udp', to('UDP, short', v4, udp, 0), 5),
        this.#node('udp', to('UDP, longer than two polls', v4, udp, (2 * poll + 2) * 1_000), 2),
        ...Array.from({ length: 5 }, () =>
          this.#curl(to('longer than two polls', v4, c, (2 * poll + 2) * 1_000)),
        ),
      ]);
      // Each process has the port for itself, one right after another.
      for (let n = 0; n < 4; n += 1)
        await this.#node('reuse', to('port used again', v4, b, 0), 1, this.#base + 20);
      for (let n = 0; n < 10; n += 1) {
        going.push(this.#curl(to('loopback', '127.0.0.1', a, n % 2 ? 0 : 5_000)));
        await gap(150);
      }
      await Promise.all(going.splice(0));
    }
  }

  #note(request: Request, pid: number, line: string, proto: 'tcp' | 'udp' = 'tcp'): void {
    const [clientPort = 0, lived = 0, , ...servers] = line.trim().split(/\s+/).map(Number);
    if (clientPort === 0) return;
    const { kind, port } = request;
    this.truth.push({
      kind,
      proto,
      clientPort,
      serverPort: port,
      pid,
      servers,
      lived,
    });
  }

  async #run(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...process.env, ...env },
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    await once(child, 'close');
    return { pid: child.pid ?? 0, output };
  }

  async #curl(request: Request): Promise<void> {
    const host = request.host.includes(':') ? `[${request.host}]` : request.host;
    const url = `http://${host}:${request.port}/?hold=${Math.round(request.hold)}`;
    const begun = performance.now();
    const { pid, output } = await this.#run('curl', ['-s', '-m', '30', '-w', '%{local_port}', url]);
    const [answer = '', own = ''] = output.split('\n');
    this.#note(request, pid, `${own} ${Math.round(performance.now() - begun)} ${answer}`);
  }

  async #bash({ kind, host, port, hold }: Request): Promise<void> {
    const script = `exec 3<>/dev/tcp/${host}/${port}; printf 'GET /?hold=${Math.round(hold)} HTTP/1.0\\r\\n\\r\\n' >&3; while read -r line <&3; do last=$line; done; echo $last`;
    const begun = performance.now();
    const { pid, output } = await this.#run('bash', ['-c', script]);
    const [own = ''] = output.split(' ');
    this.#note({ kind, host, port, hold }, pid, `${own} ${Math.round(performance.now() - begun)} ${output}`);
  }

  async #node(how: string, request: Request, number: number, localPort?: number): Promise<void> {
    const { host, port, hold } = request;
    const { pid, output } = await this.#run(
      process.execPath,
      [CLIENT, how, host, String(port), String(number), String(hold)],
      localPort === undefined ? {} : { LOCAL_PORT: String(localPort) },
    );
    for (const line of output.split('\n').filter(Boolean)) {
      this.#note(request, pid, line, how === 'udp' ? 'udp' : 'tcp');
    }
  }
}
