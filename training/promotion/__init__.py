"""From a challenger to the bundle that is current: compare, judge by named rules, register, roll back."""
