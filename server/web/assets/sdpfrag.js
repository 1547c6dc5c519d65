// The bodies of PATCH: application/trickle-ice-sdpfrag (RFC 8840 9, RFC 9725 4.3). All media is
// BUNDLEd on one transport, so only the first media line is ever named.

function line(sdp, pattern) {
  return pattern.exec(sdp)?.[1] ?? '';
}

/** User fragment and password of a description or a fragment: what tells one ICE generation from the next. */
export function credentials(sdp) {
  return { ufrag: line(sdp, /^a=ice-ufrag:(.*?)\r?$/m), pwd: line(sdp, /^a=ice-pwd:(.*?)\r?$/m) };
}

/** A fragment of the local description sdp with these candidates ("candidate:..." strings).
 * ended: no more will come. */
export function writeFragment(sdp, candidates, ended) {
  const { ufrag, pwd } = credentials(sdp);
  const lines = [
    `a=ice-ufrag:${ufrag}`,
    `a=ice-pwd:${pwd}`,
    `m=${line(sdp, /^m=(.*?)\r?$/m)}`,
    `a=mid:${line(sdp, /^a=mid:(.*?)\r?$/m)}`,
    ...candidates.map((candidate) => `a=${candidate}`),
  ];
  if (ended) lines.push('a=end-of-candidates');
  return `${lines.join('\r\n')}\r\n`;
}

/** The answer in force, with the server's new credentials and candidates of a restart put in. */
export function restartedAnswer(answer, fragment) {
  const { ufrag, pwd } = credentials(fragment);
  if (!ufrag || !pwd) throw new Error('the restart was answered without credentials');
  const fresh = fragment.split(/\r?\n/).filter((l) => /^a=(candidate:|end-of-candidates)/.test(l));
  let mediaLines = 0;
  const lines = answer.split(/\r?\n/).filter((l) => l && !/^a=(candidate:|end-of-candidates)/.test(l));
  const changed = lines.flatMap((l) => {
    if (l.startsWith('a=ice-ufrag:')) return [`a=ice-ufrag:${ufrag}`];
    if (l.startsWith('a=ice-pwd:')) return [`a=ice-pwd:${pwd}`];
    // Candidates belong to the end of the first media section: before the second m= line.
    if (l.startsWith('m=') && ++mediaLines === 2) return [...fresh, l];
    return [l];
  });
  if (mediaLines < 2) changed.push(...fresh);
  return `${changed.join('\r\n')}\r\n`;
}

/** The servers of Link: <stun:...>; rel="ice-server" headers (RFC 9725 4.6), as RTCIceServer. */
export function iceServers(link) {
  const servers = [];
  for (const [, urls, rest] of (link || '').matchAll(/<([^>]*)>([^<]*)/g)) {
    if (!/rel="?ice-server"?/.test(rest) || !/^(stun|turn)s?:/.test(urls)) continue;
    const server = { urls };
    const username = /username="([^"]*)"/.exec(rest)?.[1];
    const credential = /credential="([^"]*)"/.exec(rest)?.[1];
    if (username) Object.assign(server, { username, credential });
    servers.push(server);
  }
  return servers;
}
