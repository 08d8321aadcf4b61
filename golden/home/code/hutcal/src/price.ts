// Price of a stay, see club/hut-rules.md. Children under 7 are free, and they
// still need a bed.

const MEMBER = 12;
const GUEST = 18;
const FREE_CANCEL_DAYS = 7;

export interface Party {
  members: number;
  guests: number;
  smallChildren: number;
}

export function price(party: Party, nightCount: number): number {
  return nightCount * (party.members * MEMBER + party.guests * GUEST);
}

/** What the club keeps when a group cancels. */
export function cancellationFee(total: number, daysBefore: number): number {
  if (daysBefore >= FREE_CANCEL_DAYS) return 0;
  return Math.round(total * 0.5 * 100) / 100;
}
