/** The first bytes of what acknowledges a publication (section 2.1 of both specifications). */
const firstBytes = { puback: 0x40, pubrec: 0x50, pubrel: 0x62, pubcomp: 0x70 } as const;

/** PUBACK, PUBREC, PUBREL or PUBCOMP without a reason: the same four bytes in all versions. */
export function acknowledgement(kind: keyof typeof firstBytes, messageId: number): Buffer {
  // Of the pool: else what is so small has to be moved before it can be written.
  const bytes = Buffer.allocUnsafe(4);
  bytes[0] = firstBytes[kind];
  bytes[1] = 2;
  bytes[2] = messageId >> 8;
  bytes[3] = messageId;
  return bytes;
}
