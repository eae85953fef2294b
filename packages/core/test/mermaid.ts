import type { AnyStateMachine } from 'xstate';
import { type DirectedGraphNode, toDirectedGraph } from 'xstate/graph';

/** A flat machine as a Mermaid state diagram. What holds in every state is drawn from each that is not the end. */
export function mermaid(machine: AnyStateMachine): string {
  const root = toDirectedGraph(machine);
  const lines = ['stateDiagram-v2', `  [*] --> ${String(machine.root.initial.target[0]?.key)}`];
  for (const state of root.children) {
    const { key, type } = state.stateNode;
    if (type === 'final') {
      lines.push(`  ${key} --> [*]`);
      continue;
    }
    for (const { label, target } of [...arrows(state), ...arrows(root)]) {
      lines.push(`  ${key} --> ${target === machine.id ? key : target} : ${label}`);
    }
  }
  return lines.join('\n');
}

function arrows(node: DirectedGraphNode): { label: string; target: string }[] {
  return node.edges
    .filter(({ source }) => source === node.stateNode)
    .map(({ label, target, transition }) => {
      const guard = transition.guard as { type?: string } | undefined;
      const guarded = guard?.type === undefined ? '' : ` [${guard.type}]`;
      return { label: eventName(label.text) + guarded, target: target.key };
    });
}

function eventName(text: string): string {
  if (text.startsWith('xstate.done.')) return 'done';
  return text.startsWith('xstate.error.') ? 'failed' : text;
}
