import { type RefObject, useEffect, useRef } from 'react';

/** A page's heading takes the focus when the page comes, so that a screen reader says where one is. */
export function useHeadingFocus(): RefObject<HTMLHeadingElement | null> {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus({ preventScroll: true }), []);
  return heading;
}
