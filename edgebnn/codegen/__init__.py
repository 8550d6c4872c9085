"""From a deployment to C: the firmware project and its cross compiler."""
