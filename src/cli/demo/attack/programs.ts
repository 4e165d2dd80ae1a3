/**
 * What runs on the lab's machines, in Perl, which every Debian-like system has. Each names itself as the program that
 * it stands for, so that hosts see it by that name.
 */
function perl(script: string, ...args: readonly string[]): readonly string[] {
  return ['perl', '-e', script, ...args];
}

const LISTEN =
  'IO::Socket::INET->new(LocalPort => $port, Listen => 20, ReuseAddr => 1) or die "port $port: $!"';
const BEGIN = 'use strict; use IO::Socket::INET; $SIG{CHLD} = "IGNORE"; $| = 1;';

/** Stands for an SSH server: takes a user and a command on port 22, and runs it as that user beneath itself. */
export function sshServer(): readonly string[] {
  return perl(`${BEGIN} $0 = "sshd"; my $port = 22; my $server = ${LISTEN};
    while (my $client = $server->accept) {
      next if fork;
      $0 = "sshd: session"; close $server;
      chomp(my $user = <$client>); chomp(my $command = <$client>);
      my (undef, undef, $uid, $gid) = getpwnam $user or die "no user $user";
      $( = $gid; $) = "$gid $gid"; $< = $uid; $> = $uid;
      system "/bin/sh", "-c", $command;
      print $client "done\\n"; exit;
    }`);
}

/** Stands for an SSH client: `HOST USER COMMAND`; waits until the server has run it. */
export const SSH = `use strict; use IO::Socket::INET; my ($host, $user, $command) = @ARGV; $0 = "ssh";
my $server = IO::Socket::INET->new(PeerAddr => $host, PeerPort => 22) or die "$host: $!";
print $server "$user\\n$command\\n"; <$server>;
`;

/** Serves the files of a folder by HTTP. */
export function webServer(port: number, folder: string): readonly string[] {
  return perl(
    `${BEGIN} my ($port, $folder) = @ARGV; $0 = "httpd"; my $server = ${LISTEN};
    while (my $client = $server->accept) {
      next if fork;
      my ($name) = (<$client> // "") =~ m{^GET /(\\w+(?:\\.\\w+)?) } or exit;
      while (<$client>) { last if /^\\r?$/ }
      open my $in, "<:raw", "$folder/$name" or exit; local $/; my $body = <$in>;
      print $client "HTTP/1.1 200 OK\\r\\nConnection: close\\r\\nContent-Length: ", length $body, "\\r\\n\\r\\n", $body;
      exit;
    }`,
    ...[String(port), folder],
  );
}

/** Gets files by HTTP into the current folder. */
export const FETCH = `use strict; use IO::Socket::INET; $0 = "fetch"; my ($host, @names) = @ARGV;
for my $name (@names) {
  my $server = IO::Socket::INET->new(PeerAddr => $host, PeerPort => 80) or die "$host: $!";
  print $server "GET /$name HTTP/1.1\\r\\nHost: $host\\r\\n\\r\\n";
  while (<$server>) { last if /^\\r?$/ }
  open my $out, ">:raw", $name or die "$name: $!"; local $/; print $out scalar <$server>;
}
`;

/** Takes whatever is sent to a port, and says a little. */
export function sink(port: number): readonly string[] {
  return perl(
    `${BEGIN} my ($port) = @ARGV; my $server = ${LISTEN};
    while (my $client = $server->accept) {
      next if fork;
      print $client "ok\\n"; 1 while sysread $client, my $data, 65536; exit;
    }`,
    String(port),
  );
}

/** Connects again and again, and holds each connection for most of that time. */
export function monitor(name: string, host: string, port: number, every: number): readonly string[] {
  return perl(
    `${BEGIN} my ($name, $host, $port, $every) = @ARGV; $0 = $name; ${BEAT}`,
    ...[name, host, String(port), String(every)],
  );
}

const BEAT = `while (1) {
    my $at = time;
    if (my $peer = IO::Socket::INET->new(PeerAddr => $host, PeerPort => $port, Timeout => 2)) {
      print $peer "GET / HTTP/1.1\\r\\n\\r\\n"; sleep $every - 1; close $peer;
    }
    my $left = $every - (time - $at); select undef, undef, undef, $left if $left > 0;
  }`;

/**
 * What the downloaded program does, which is an interpreter of Perl under another name: it listens on 4444, beats
 * every `every` seconds, and sends `megabytes` once.
 */
export function implant(host: string, every: number, megabytes: number): string {
  return `${BEGIN} my ($host, $port, $every) = ("${host}", 443, ${every});
    if (!fork) { my $port = 4444; my $server = ${LISTEN}; while (my $client = $server->accept) { print $client "ready\\n"; close $client } exit }
    if (!fork) { ${BEAT} }
    sleep 4;
    if (my $peer = IO::Socket::INET->new(PeerAddr => $host, PeerPort => 443)) {
      for (1 .. ${megabytes * 4}) { print $peer "x" x 262144; select undef, undef, undef, ${(6 / (megabytes * 4)).toFixed(3)} }
      close $peer;
    }
    sleep 1000;`;
}

/** A process that a host doesn't see: it has the host's network, and is none of its processes. */
export function hidden(host: string): readonly string[] {
  return perl(
    `${BEGIN} my ($host) = @ARGV; my $port = 31337; my $server = ${LISTEN};
    my $parent = $$; if (!fork) { my $peer = IO::Socket::INET->new(PeerAddr => $host, PeerPort => 8000) or die; while (getppid == $parent) { print $peer "x"; sleep 2 } exit }
    while (my $client = $server->accept) { print $client "hello\\n"; close $client }`,
    host,
  );
}

/** Connects once and hears what is said. */
export function knock(host: string, port: number): readonly string[] {
  return perl(
    `${BEGIN} my $peer = IO::Socket::INET->new(PeerAddr => $ARGV[0], PeerPort => $ARGV[1]) or die; <$peer>;`,
    ...[host, String(port)],
  );
}
