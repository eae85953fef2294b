import type { ComponentProps, MouseEvent } from 'react';
import { router } from './router.ts';

type LinkProps = Omit<ComponentProps<'a'>, 'href' | 'onClick'> & {
  readonly to: string;
  /** Whoever follows it, wherever to. */
  readonly onFollow?: () => void;
};

/** A link within the page. Who wants it in another tab or window gets it there. */
export function Link({ to, onFollow, ...rest }: LinkProps) {
  const follow = (event: MouseEvent) => {
    onFollow?.();
    const { button, metaKey, ctrlKey, shiftKey, altKey } = event;
    if (button !== 0 || metaKey || ctrlKey || shiftKey || altKey) return;
    event.preventDefault();
    router.go(to);
  };
  return <a {...rest} href={to} onClick={follow} />;
}
