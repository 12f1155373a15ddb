/** Programs that pass descriptors over a unix socket (unix(7), SCM_RIGHTS), in Perl, which has system calls but no function for that. */

/** sendmsg(2) and recvmsg(2), for processors of 64 bits. */
const library = `
  my ($sendmsg, $recvmsg) = (qx(/bin/busybox uname -m) =~ /aarch64/) ? (211, 212) : (46, 47);
  sub address { unpack 'Q', pack 'P', $_[0] }
  sub message { my ($words, $control) = @_;
    my $vector = pack 'QQ', address($$words), length $$words;
    my $header = pack 'QLx4QQQQLx4', 0, 0, address($vector), 1, address($$control), length $$control, 0;
    return ($header, $vector) }
  sub pass { my ($socket, $descriptor) = @_;
    my ($words, $control) = ('x', pack 'Qlllx4', 20, 1, 1, $descriptor);
    my ($header, $vector) = message(\\$words, \\$control);
    syscall($sendmsg, fileno $socket, $header, 0) == 1 or die "sendmsg: $!" }
  sub take { my ($socket) = @_;
    my ($words, $control) = (' ', "\\0" x 24);
    my ($header, $vector) = message(\\$words, \\$control);
    syscall($recvmsg, fileno $socket, $header, 0) == 1 or die "recvmsg: $!";
    open my $taken, '+<&=', (unpack 'Qlll', $control)[3] or die "taken: $!";
    return $taken }
  sub pipe_with { my ($words) = @_; pipe my $read, my $write; syswrite $write, $words; return $read }
  sub read_all { my ($from) = @_; my $all = ''; while (sysread $from, my $some, 4096) { $all .= $some } return $all }
`;

/**
 * Listens at `$ARGV[0]`; takes a descriptor from one client, passes one to it, and reads until the client says no more. Says what came out of the
 * first one, what the client said, and which user it is (SO_PEERCRED).
 */
export const provider = `${library}
  $| = 1;
  socket(my $listener, 1, 1, 0) or die;
  bind($listener, pack('S a*', 1, $ARGV[0] . chr(0))) or die "bind: $!";
  chmod 0666, $ARGV[0];
  listen($listener, 9);
  print "listening\\n";
  accept(my $client, $listener);
  my (undef, $user) = unpack 'lll', getsockopt($client, 1, 17);
  my $taken = take($client);
  pass($client, fileno pipe_with('from the provider'));
  my $rest = read_all($client);
  syswrite $client, "all of $rest";
  close $client;
  print read_all($taken), "; $rest; user $user\\n";`;

/** Connects to `$ARGV[0]` as user `$ARGV[1]`; does the other end of that, and says what came out of what it was passed, and the answer after its last word. */
export const client = `${library}
  ($(, $)) = ($ARGV[1], $ARGV[1]); ($<, $>) = ($ARGV[1], $ARGV[1]);
  socket(my $socket, 1, 1, 0) or die;
  connect($socket, pack('S a*', 1, $ARGV[0] . chr(0))) or die "connect: $!";
  pass($socket, fileno pipe_with('from the consumer'));
  my $taken = take($socket);
  syswrite $socket, 'words';
  shutdown $socket, 1;
  my $answer = read_all($socket);
  sysread $taken, my $words, 100;
  print "$words; $answer\\n";`;

/** Connects to `$ARGV[0]` again and again until its standard output is closed; says how often that failed each time that it was done 100 times. */
export const connector = `
  $| = 1;
  my $to = pack('S a*', 1, $ARGV[0] . chr(0));
  my $failed = 0;
  for (my $count = 1; ; $count++) {
    socket(my $socket, 1, 1, 0) or die;
    connect($socket, $to) or $failed++;
    close $socket;
    print "$failed\\n" unless $count % 100;
  }`;

/** Says why user `$ARGV[1]` can't connect to `$ARGV[0]`. */
export const refused = `
  ($(, $)) = ($ARGV[1], $ARGV[1]); ($<, $>) = ($ARGV[1], $ARGV[1]);
  socket(my $socket, 1, 1, 0) or die;
  print connect($socket, pack('S a*', 1, $ARGV[0] . chr(0))) ? 'connected' : $!;`;
