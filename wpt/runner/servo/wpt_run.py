"""Runs `wpt` of a web-platform-tests tree whose product for Servo does not start.

In the tree of Firefox 140, ServoBrowser does not hand its base class an argument that this asks for. Here the argument has a
default; nothing in the tree is changed. A tree without that mistake needs only its own `wpt`.

Usage: wpt_run.py TREE [ARGUMENTS OF wpt...]
"""

import os
import sys


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    tree = os.path.abspath(sys.argv[1])
    sys.path.insert(0, tree)
    sys.argv = [os.path.join(tree, "wpt"), *sys.argv[2:]]

    from tools import localpaths  # noqa: F401: it says where the tree keeps its modules
    from tools.wpt import wpt

    import_command = wpt.import_command

    def import_repaired_command(*arguments):
        # What the runner needs is in its virtual environment, which is there and in use by now.
        from wptrunner.browsers.base import Browser

        defaults = Browser.__init__.__kwdefaults__ or {}
        Browser.__init__.__kwdefaults__ = {"manager_number": 1, **defaults}
        return import_command(*arguments)

    wpt.import_command = import_repaired_command
    wpt.main()


# The tree's servers are processes that read this file again.
if __name__ == "__main__":
    main()
