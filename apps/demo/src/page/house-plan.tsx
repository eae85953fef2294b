const SEATS_IN_ROW = 8;

/** The stalls from above, the stage at the top; seats are taken from the front. */
export function HousePlan({ left, of }: { readonly left: number; readonly of: number }) {
  const rows = Math.ceil(of / SEATS_IN_ROW);
  return (
    <figure className="plan">
      <svg viewBox={`0 0 212 ${28 + rows * 26}`} role="img" aria-label={`${left} of ${of} seats are left`}>
        <path className="plan-stage" d="M6 4h200l-14 12H20z" />
        {Array.from({ length: of }, (_, seat) => {
          const row = Math.floor(seat / SEATS_IN_ROW);
          const column = seat % SEATS_IN_ROW;
          // An aisle in the middle.
          const x = 6 + column * 24 + (column < SEATS_IN_ROW / 2 ? 0 : 12);
          const y = 28 + row * 26;
          return (
            <path
              // biome-ignore lint/suspicious/noArrayIndexKey: a seat is its place
              key={seat}
              className={seat < of - left ? 'plan-taken' : 'plan-free'}
              d={`M${x} ${y}h20v11a6 6 0 0 1-6 6h-8a6 6 0 0 1-6-6z`}
            />
          );
        })}
      </svg>
      <figcaption>
        <strong>{left}</strong> of {of} seats left
      </figcaption>
    </figure>
  );
}
