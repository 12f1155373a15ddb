import { decodeAttributes, encodeMessage, NetlinkError, NetlinkSocket } from './netlink.ts';
import { loadSystemCalls } from './system-calls.ts';

const netfilter = 12;
/** `NFNL_SUBSYS_NFTABLES`, `NFT_MSG_GETGEN`, `NFTA_GEN_ID` (linux/netfilter/nf_tables.h). */
const askGeneration = (10 << 8) | 16;
const generationAttribute = 1;
/** `struct nfgenmsg`: it has the kernel's answer in front, too. */
const header = Buffer.alloc(4);

/**
 * The generation of all nftables rules of our network namespace: every transaction, whoever makes it, adds one (modulo 2^32). As long as it is the
 * same, no rule, set or element has changed, without listing any. Rejects with SystemCallsUnavailable, SystemCallError or
 * NetlinkError.
 */
export async function rulesGeneration(): Promise<number> {
  const socket = new NetlinkSocket(await loadSystemCalls(), netfilter);
  const what = 'generation of rules';
  try {
    for (const [message] of socket.ask(what, encodeMessage(askGeneration, 0, header))) {
      const attributes = decodeAttributes(message?.payload.subarray(header.length) ?? Buffer.alloc(0));
      const generation = attributes.find(({ type }) => type === generationAttribute)?.payload;
      if (generation?.length === 4) return generation.readUInt32BE();
    }
    throw new NetlinkError(what, 0);
  } finally {
    socket.close();
  }
}

/** The generation that one transaction makes of `generation`. */
export function nextGeneration(generation: number): number {
  return (generation + 1) >>> 0;
}
