import { toDirectedGraph } from 'xstate/graph';

/** A flat machine as a Mermaid state diagram. What holds in every state is drawn from each that does not say otherwise. */
export function mermaid(machine) {
  const root = toDirectedGraph(machine);
  const lines = ['stateDiagram-v2', `  [*] --> ${String(machine.root.initial.target[0]?.key)}`];
  for (const state of root.children) {
    const { key, type } = state.stateNode;
    if (type === 'final') {
      lines.push(`  ${key} --> [*]`);
      continue;
    }
    const own = arrows(state);
    const common = arrows(root).filter(({ event }) => own.every((arrow) => arrow.event !== event));
    for (const { label, target } of [...own, ...common, ...atOnce(state.stateNode)]) {
      lines.push(`  ${key} --> ${target === machine.id ? key : target} : ${label}`);
    }
  }
  return lines.join('\n');
}

function arrows(node) {
  return node.edges
    .filter(({ source }) => source === node.stateNode)
    .map(({ label, target, transition }) => {
      const name = typeof transition.guard === 'string' ? transition.guard : transition.guard?.type;
      const guarded = name === undefined ? '' : ` [${name}]`;
      const event = eventName(label.text);
      return { event, label: event + guarded, target: target.key };
    });
}

/** What it leaves for by itself. */
function atOnce({ always = [] }) {
  return always.map(({ guard, target }) => ({ label: `[${guard.type ?? guard}]`, target: target[0].key }));
}

function eventName(text) {
  if (text.startsWith('xstate.done.')) return 'done';
  if (text.startsWith('xstate.after.')) return `after ${text.split('.')[2]}`;
  return text.startsWith('xstate.error.') ? 'failed' : text;
}
