// RUN: et-opt %s --split-input-file --verify-diagnostics

transform.sequence failures(propagate) {
^bb0(%l: !transform.any_op):
  // expected-error @below {{expected either 'to' and a schedule, or 'from' and a parameter}}
  transform.et.set_schedule %l : !transform.any_op
}

// -----

transform.sequence failures(propagate) {
^bb0(%l: !transform.any_op, %p: !transform.any_param):
  // expected-error @below {{expected either 'to' and a schedule, or 'from' and a parameter}}
  transform.et.set_schedule %l to {mr = 2} from %p : !transform.any_op, !transform.any_param
}

// -----

transform.sequence failures(propagate) {
^bb0(%l: !transform.any_op):
  // expected-error @below {{attribute 'size' failed to satisfy constraint: 64-bit signless integer attribute whose value is positive}}
  %c = transform.et.candidate_schedules %l for 0 : (!transform.any_op) -> !transform.any_param
}

// -----

transform.sequence failures(propagate) {
^bb0(%l: !transform.any_op):
  // expected-error @below {{attribute 'count' failed to satisfy constraint: 64-bit signless integer attribute whose value is positive}}
  %c = transform.et.candidate_schedules %l for 1 {count = 0} : (!transform.any_op) -> !transform.any_param
}
