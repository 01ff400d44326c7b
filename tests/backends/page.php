<?php
// An ordinary page, which needs a worker like any other.
echo "an ordinary page\n";
