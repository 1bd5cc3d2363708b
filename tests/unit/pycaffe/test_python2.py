"""Scripts of Python 2 run untouched. What scripts without numpy print was printed by Python 2.7.18."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import textwrap
import warnings
from pathlib import Path

import numpy as np
import pytest
from helpers import programs

from cnnvis_caffe.pycaffe.python2.signs import is_python2, needs_python2

pytest.importorskip("fissix", reason="the extra python2 is not installed")

REPOSITORY = Path(__file__).resolve().parents[3]


def alone(words, **places):
    """Run a program by itself, for tests that look at its traceback from the first line on."""
    return subprocess.run(words, capture_output=True, text=True, timeout=120, **places)


def run(folder, script, *options, name="script.py", start=programs.run):
    """Write a script and run it by the command line."""
    (folder / name).write_text(textwrap.dedent(script).lstrip("\n"), encoding="utf-8")
    command = [sys.executable, "-m", "cnnvis_caffe.pycaffe", *options, name]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONIOENCODING": "utf-8"}
    return start(command, cwd=folder, env=environment)


def lines_of(folder, script):
    """What a Python 2 script prints, line by line."""
    result = run(folder, script, "--python2")
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


# -- the language ----------------------------------------------------------------------


def test_old_syntax(tmp_path):
    script = r"""
    # -*- coding: utf-8 -*-
    import sys
    print "a", 1,
    print 2.50, 0.1 + 0.2, 1e20, 1.0, oct(8), oct(0), 1e16
    print
    print "b\n",
    print "c"
    print >>sys.stderr, "told"
    print 0777, 10L, `[1, 'x']`, 1 <> 2
    exec "y = 9 / 4"
    print y, eval("9 / 4"), eval("`3`")
    ns = {}
    exec "z = 1; print z / 2" in ns
    try:
        raise ValueError, "bad"
    except (KeyError, ValueError), e:
        print e, e.message
    print 07 + 0x1F, ur'\d', u"é" == u'\xe9', len('\u00e9')
    def f((a, b), c):
        return a + b + c
    print f((1, 2), 3), (lambda (x, y): x * y)((3, 4)), [x for x in 1, 2]
    """
    result = run(tmp_path, script, "--python2")
    assert result.stderr == "told\n"
    expected = ["a 1 2.5 0.3 1e+20 1.0 010 0 1e+16", "", "b", "c", "511 10 [1, 'x'] True", "2 2 3", "0"]
    assert result.stdout.splitlines() == [*expected, "bad bad", r"38 \d True 6", "6 12 [1, 2]"]


def test_names_without_an_import(tmp_path):
    script = """
    print round(2.5), round(-0.5), round(1.005, 2), round(1234.5, -2), round(2.675, 2)
    print map(None, [1, 2], [3]), map(lambda a, b: (a, b), [1], [2, 3]), zip([1], 'a')
    print filter(None, (1, 0, 2)), filter(lambda c: c <> 'a', 'banana'), range(2) + range(1)
    print sorted([3, 1, 2], lambda a, b: b - a), sorted(['b', 'A'], key=str.lower)
    print 'abc'.encode('hex'), '616263'.decode('hex'), 'x'.decode('utf-8') == u'x', 'uryyb'.decode('rot13')
    print cmp(1, 2), reduce(lambda a, b: a * b, [1, 2, 3, 4]), apply(max, (1, 5)), unichr(97), intern('q')
    print [i for i in xrange(1, 3)], isinstance(u'x', basestring), isinstance(2, (int, long)), unicode(3)
    open('more.py', 'w').write('print 5 / 2, w')
    w = 'there'
    execfile('more.py')
    """
    assert lines_of(tmp_path, script) == [
        "3.0 -1.0 1.0 1200.0 2.67",
        "[(1, 3), (2, None)] [(1, 2), (None, 3)] [(1, 'a')]",
        "(1, 2) bnn [0, 1, 0]",
        "[3, 2, 1] ['A', 'b']",
        "616263 abc True hello",
        "-1 24 5 a q",
        "[1, 2] True True 3",
        "2 there",
    ]


def test_division_of_whole_numbers(tmp_path):
    script = """
    import numpy as np
    print 7 / 2, -7 / 2, 7 / -2, True / 2, 7 / 2.0
    a = np.array([[-3, 5, 7], [8, 9, 10]])
    print (a / 2).tolist(), (a / 2.0).tolist()[0], (np.float32([3]) / 2).tolist(), np.int64(7) / 2
    print (np.uint8([255, 254]) / np.uint8(2)).tolist(), (np.uint8([255]) / 256).tolist()
    print np.divide([7, 8], 2).tolist(), np.divide([7.0], 2).tolist()
    b = a
    a /= 4
    print b.tolist(), a is b
    class Box(object):
        def __init__(self):
            self.__n, self.row = 9, [7, 8]
        def halve(self):
            self.__n /= 2
            self.row[len(self.row) - 1] /= 3
            return self.__n, self.row
    print Box().halve()
    c = np.arange(6.0)
    c[1:4] /= 2
    print c.tolist()
    """
    assert lines_of(tmp_path, script) == [
        "3 -4 -4 0 3.5",
        "[[-2, 2, 3], [4, 4, 5]] [-1.5, 2.5, 3.5] [1.5] 3",
        "[127, 127] [0]",
        "[3, 4] [3.5]",
        "[[-1, 1, 1], [2, 2, 2]] True",
        "(4, [7, 2])",
        "[0.0, 0.5, 1.0, 1.5, 4.0, 5.0]",
    ]


def test_true_division_where_the_file_asks_for_it(tmp_path):
    script = "from __future__ import division\nx = 7\nx /= 2\nprint 7 / 2, x, 7 // 2\n"
    assert lines_of(tmp_path, script) == ["3.5 3.5 3"]


def test_tabs_reach_to_the_eighth_column(tmp_path):
    script = 'def f(n):\n    if n:\n\treturn """a\n\tb"""\n    \tprint "never"\n    return 0\n'
    script += "print f(0)\nprint repr(f(1))\n"
    assert lines_of(tmp_path, script) == ["0", r"'a\n\tb'"]


def test_classes(tmp_path):
    script = """
    class Meta(type):
        def __init__(cls, name, bases, own):
            cls.registered = name
    class Length:
        __metaclass__ = Meta
        def __init__(self, n):
            self.n = n
        def __cmp__(self, other):
            return cmp(self.n, other.n)
        def __div__(self, by):
            return Length(self.n / by)
        def __nonzero__(self):
            return self.n != 0
        def __iter__(self):
            return self
        def next(self):
            if not self.n:
                raise StopIteration
            self.n -= 1
            return self.n
    print Length.registered, (Length(7) / 2).n, bool(Length(0)), Length(1) < Length(2), Length(2) == Length(2)
    print list(Length(3)), Length(5).next(), max(Length(2), Length(9)).n, len(set([Length(1)]))
    print Length(3).__init__.im_func.func_name
    """
    assert lines_of(tmp_path, script) == ["Length 3 False True True", "[2, 1, 0] 4 9 1", "__init__"]


def test_dicts_give_lists(tmp_path):
    script = """
    import caffe, itertools
    from itertools import izip, imap
    d = {'b': 1, 'a': 2}
    ks = d.keys()
    ks.sort()
    print ks, d.keys()[0], d.values() + [3], d.items()[1], d.has_key('a'), d.has_key('z')
    print sorted(d.iteritems()), list(d.itervalues()), d.iterkeys().next()
    ks.sort(lambda x, y: cmp(y, x))
    print ks, list(izip(ks, imap(len, ks))), list(itertools.izip_longest([1], [])), dict(zip(ks, range(2)))
    for k in d.keys():
        del d[k]
    open('net.prototxt', 'w').write('''input: "data" input_shape { dim: 1 dim: 3 }
    layer { name: "r" type: "ReLU" bottom: "data" top: "r" }''')
    net = caffe.Net('net.prototxt', caffe.TEST)
    print net.blobs.keys()[-1], net.blobs.values()[0].shape[1], net.blobs.items()[0][0], len(net.params.keys())
    """
    assert lines_of(tmp_path, script) == [
        "['a', 'b'] b [1, 2, 3] ('a', 2) True False",
        "[('a', 2), ('b', 1)] [1, 2] b",
        "['b', 'a'] [('b', 1), ('a', 1)] [(1, None)] {'b': 0, 'a': 1}",
        "r 3 data 0",
    ]


# -- files ----------------------------------------------------------------------


def test_text_files_are_text(tmp_path):
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9 0\r\n")
    script = r"""
    import csv, hashlib, struct, subprocess, cPickle, pickle
    from cStringIO import StringIO
    with open('list.txt', 'wb') as f:
        print >>f, 'a.png', 0
        f.write('b.png 1\n')
    print [line.split() for line in open('list.txt')], open('list.txt', 'r').read().count('\n')
    print [line.strip() for line in file('list.txt', 'rU')]
    text = open('latin.txt').read()
    open('copy.txt', 'w').write(text)
    open('mixed.txt', 'w').write(struct.pack('>I', 258))
    w = csv.writer(open('t.csv', 'wb'))
    w.writerow(['x', 1])
    del w
    print list(csv.reader(open('t.csv', 'rb')))
    f = open('t.pkl', 'w')
    cPickle.dump({'a': [1, 2]}, f)
    f.close()
    print pickle.load(open('t.pkl')), cPickle.loads(cPickle.dumps((1,), 2))
    print hashlib.md5('abc').hexdigest()[:6], subprocess.check_output(['echo', 'hi']).strip().split('h')
    s = StringIO()
    print >>s, 'one', 1
    s.write('two')
    print s.getvalue().split('\n'), StringIO('a\nb').readlines()
    """
    assert lines_of(tmp_path, script) == [
        "[['a.png', '0'], ['b.png', '1']] 2",
        "['a.png 0', 'b.png 1']",
        "[['x', '1']]",
        "{'a': [1, 2]} (1,)",
        "900150 ['', 'i']",
        "['one 1', 'two'] ['a\\n', 'b']",
    ]
    assert (tmp_path / "copy.txt").read_bytes() == b"caf\xe9 0\r\n"
    assert (tmp_path / "mixed.txt").read_bytes() == b"\0\0\1\2"


def test_messages_in_files_opened_as_text(tmp_path):
    script = """
    import caffe, numpy as np
    from caffe.proto import caffe_pb2
    blob = caffe.io.array_to_blobproto(np.arange(6.0).reshape(1, 1, 2, 3))
    f = open('mean.binaryproto', 'w')
    f.write(blob.SerializeToString())
    f.close()
    again = caffe_pb2.BlobProto()
    again.ParseFromString(open('mean.binaryproto').read())
    print caffe.io.blobproto_to_array(again).shape, list(again.data)[5]
    """
    result = run(tmp_path, script, "--python2")
    assert result.stdout == "(1, 1, 2, 3) 5.0\n", result.stderr
    assert result.stderr.count("python2:") == 1
    assert "mean.binaryproto: has binary content and is read as bytes" in result.stderr


def test_lmdb_takes_text(tmp_path):
    pytest.importorskip("lmdb")
    script = """
    import caffe, lmdb
    env = lmdb.open('db', map_size=1 << 20)
    with env.begin(write=True) as txn:
        for i in xrange(2):
            txn.put('%08d' % i, caffe.io.caffe_pb2.Datum(label=i + 5).SerializeToString())
    with env.begin() as txn:
        for key, value in txn.cursor():
            print key, caffe.io.caffe_pb2.Datum.FromString(value).label
        print caffe.io.caffe_pb2.Datum.FromString(txn.get('00000001')).label
    """
    assert lines_of(tmp_path, script) == ["00000000 5", "00000001 6", "6"]


# -- what libraries have taken away ----------------------------------------------------------------------


def test_old_names_of_numpy(tmp_path):
    script = """
    import numpy as np
    import numpy
    from numpy import *
    for i in range(3):
        a = np.zeros((2, 3), dtype=np.float)
    print a.dtype, np.ones(1, numpy.int).dtype, np.array([2, 0], np.bool).tolist(), np.object is object
    data = np.uint8([1, 2, 3]).tostring()
    back = np.fromstring(data, dtype=np.uint8)
    back[0] = 9
    print back.tolist(), np.fromstring('1 2', sep=' ').tolist(), np.float32(0.5), [np.float64(0.5)]
    rows = np.array([[1, 2], [3]])
    print rows.shape, rows.dtype, np.product([2, 3]), np.Inf > 1, np.in1d([1, 5], [5]).tolist(), np.asscalar(np.ones(1))
    """
    result = run(tmp_path, script, "--python2")
    assert result.stdout.splitlines() == [
        "float64 int64 [True, False] True",
        "[9, 2, 3] [1.0, 2.0] 0.5 [0.5]",
        "(2,) object 6 True [False, True] 1.0",
    ], result.stderr
    told = result.stderr.splitlines()
    assert told[0] == "python2: numpy no longer has np.float; Python's float is used"
    assert len(told) == len(set(told)), "each is told once"
    assert any("tobytes() is used" in line for line in told) and any("np.frombuffer" in line for line in told)


def test_pictures_of_scipy(tmp_path):
    pytest.importorskip("PIL")
    pytest.importorskip("yaml")
    script = """
    import scipy.misc, yaml, Image, urllib2
    from scipy.misc import imread, imsave
    import numpy as np
    blocks = np.kron(np.arange(6).reshape(2, 3), np.ones((4, 4))).astype(np.uint8)
    imsave('blocks.png', np.dstack([blocks * 40] * 3))
    im = imread('blocks.png')
    print im.shape, im.dtype, imread('blocks.png', flatten=True).dtype, im[5, 9].tolist()
    print scipy.misc.imresize(blocks, (2, 3), 'nearest').tolist(), scipy.misc.imresize(im, 0.5).shape
    print scipy.misc.imresize(im, 50).shape, scipy.misc.imresize(np.array([[0.0, 1.0], [0.5, 0.25]]), (2, 2)).tolist()
    print yaml.load("a: [1, 2]")['a'], Image.open('blocks.png').size, urllib2.quote('a b')
    """
    result = run(tmp_path, script, "--python2")
    assert result.stdout.splitlines() == [
        "(8, 12, 3) uint8 float32 [200, 200, 200]",
        "[[0, 1, 2], [3, 4, 5]] (4, 6, 3)",
        "(4, 6, 3) [[0, 255], [128, 64]]",
        "[1, 2] (12, 8) a%20b",
    ], result.stderr
    assert result.stderr.count("yaml.FullLoader is used") == 1


def test_modules_that_were_renamed(tmp_path):
    script = """
    import ConfigParser, Queue, StringIO, urlparse, httplib, __builtin__, commands, string, sys, os, time, types
    from urllib import urlencode, quote
    reload(sys)
    sys.setdefaultencoding('utf-8')
    q = Queue.Queue()
    q.put(1)
    print q.get(), urlparse.urlparse('http://a/b').path, urlencode({'a': 1})
    print commands.getoutput('echo x'), os.getcwdu() == os.getcwd()
    print string.join(['a', 'b'], '-'), string.letters[:3], string.atoi('12'), types.StringType is str
    print __builtin__.len([1]), time.clock() >= 0, sys.maxint > 2 ** 31
    """
    assert lines_of(tmp_path, script) == ["1 /b a=1", "x True", "a-b abc 12 True", "1 True True"]


# -- modules beside the script ----------------------------------------------------------------------


def test_modules_beside_it(tmp_path):
    package = tmp_path / "lib" / "parts"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "string.py").write_text("MINE = 5 / 2\nNAME = `MINE`\n")
    (package / "user.py").write_text("import string\nimport sibling\nprint string.MINE, string.NAME, sibling.half(5)\n")
    (package / "sibling.py").write_text("def half(n):\n    return xrange(n / 2)[-1]\n")
    (tmp_path / "clean.py").write_text(
        "import numpy as np\nimport string\n\n\ndef half(n: int, *, by=2):\n    return n / by\n\n\n"
        "def untouched():\n    return hasattr(np, 'product'), hasattr(string, 'letters'), type(range(2)).__name__\n"
    )
    (tmp_path / "either.py").write_text("def half(n):\n    return n / 2\n")
    script = """
    import sys
    sys.path.insert(0, 'lib')
    import parts.user, clean, either, string
    print clean.half(5), clean.untouched(), either.half(5), string.letters[0]
    """
    result = run(tmp_path, script, "--python2")
    assert result.stdout.splitlines() == ["2 2 1", "2.5 (False, False, 'range') 2.5 a"], result.stderr
    assert "either.py: nothing in it is Python 2's alone; it runs as Python 3, where" in result.stderr
    assert "clean.py" not in result.stderr
    assert not list((package / "__pycache__").glob("user*")), "no translated code is kept where Python 3 would find it"


def test_python_layer_of_a_net(tmp_path):
    (tmp_path / "halve.py").write_text(
        "import caffe\n\n\nclass Halve(caffe.Layer):\n    def setup(self, bottom, top):\n        print 'set up'\n"
        "    def reshape(self, bottom, top):\n        top[0].reshape(bottom[0].shape[0], 7 / 2)\n"
        "    def forward(self, bottom, top):\n        top[0].data[...] = 9 / 2\n"
        "    def backward(self, top, down, bottom):\n        pass\n"
    )
    script = """
    import caffe
    open('net.prototxt', 'w').write('''input: "data" input_shape { dim: 2 dim: 5 }
    layer { name: "h" type: "Python" bottom: "data" top: "h" python_param { module: "halve" layer: "Halve" } }''')
    net = caffe.Net('net.prototxt', caffe.TEST)
    print net.forward()['h'].tolist()
    """
    assert lines_of(tmp_path, script) == ["set up", "[[4.0, 4.0, 4.0], [4.0, 4.0, 4.0]]"]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers(method, tmp_path):
    script = f"""
    import multiprocessing
    def halve(n):
        import caffe
        return n / 2, hasattr(caffe, 'Net')
    if __name__ == '__main__':
        multiprocessing.set_start_method('{method}')
        pool = multiprocessing.Pool(2)
        print pool.map(halve, xrange(3, 6))
        pool.close()
        pool.join()
    """
    assert lines_of(tmp_path, script) == ["[(1, True), (2, True), (2, True)]"]


# -- errors ----------------------------------------------------------------------


def test_errors_show_the_users_own_line(tmp_path):
    script = """
    import helper
    # a comment
    def deep(n):
    \tprint 'about to fail'; return helper.ratio(n)
    deep(0L)
    """
    (tmp_path / "helper.py").write_text("import cPickle\n\ndef ratio(n):\n\tprint 'x',; return 1 / n\n")
    result = run(tmp_path, script, "--python2", start=alone)
    assert result.returncode == 1
    lines = [line.strip() for line in result.stderr.splitlines()]
    assert lines == [
        "Traceback (most recent call last):",
        'File "script.py", line 5, in <module>',
        "deep(0L)",
        'File "script.py", line 4, in deep',
        "print 'about to fail'; return helper.ratio(n)",
        f'File "{tmp_path / "helper.py"}", line 4, in ratio',
        "print 'x',; return 1 / n",
        lines[-1],
    ]
    assert lines[-1].startswith("ZeroDivisionError")


@pytest.mark.parametrize(
    ("script", "line", "shown"),
    [("print 'a'\nx = = 1\n", 2, "x = = 1"), ("print 'a'\n\nfor x in y\n    print x\n", 3, "for x in y")],
)
def test_what_is_no_python_at_all(script, line, shown, tmp_path):
    result = run(tmp_path, script, "--python2")
    assert result.returncode == 1
    assert f'File "script.py", line {line}' in result.stderr
    assert shown in result.stderr
    assert result.stderr.splitlines()[-1].startswith("SyntaxError")


def test_without_the_option_one_line_names_it(tmp_path):
    result = run(tmp_path, "import caffe\n\nprint 'x'\n", name="old.py")
    assert result.returncode == 1
    expected = "old.py is written in Python 2: run it with python -m cnnvis_caffe.pycaffe --python2 old.py\n"
    assert (result.stdout, result.stderr) == ("", expected)


def test_python2_names_are_pointed_out_after_the_error(tmp_path):
    result = run(tmp_path, "def count():\n    return xrange(3)\n\n\ncount()\n")
    assert result.returncode == 1
    assert result.stderr.startswith("Traceback")
    assert "script.py\", line 2, in count" in result.stderr
    assert result.stderr.endswith("run it with python -m cnnvis_caffe.pycaffe --python2 script.py\n")


def failure(source):
    """What Python 3 says of a source, when it reads it or when it runs."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(compile(source, "<script>", "exec"), {})
    except (SyntaxError, NameError, AttributeError, ImportError, TypeError) as error:
        return error
    raise AssertionError("it ran")


OLD = [
    "print 'x'",
    "if 1: print x",
    "import sys; print >>sys.stdout, 1",
    "print ('%d') % 3",
    "raise ValueError, 'x'",
    "exec code",
    "x = 0777",
    "x = 10L",
    "x = 0xFFL",
    "x = `y`",
    "x = 1 <> 2",
    "x = ur'a'",
    "try:\n    pass\nexcept IOError, e:\n    pass",
    "try:\n    pass\nexcept (IOError, OSError), e:\n    pass",
    "def f((a, b)):\n    pass",
    "f = lambda (a, b): a",
    "if 1:\n        x\n\ty",
    "xrange(3)",
    "raw_input()",
    "import cPickle",
    "from urllib2 import urlopen",
    "{}.has_key(1)",
    "{}.iteritems()",
]


@pytest.mark.parametrize("source", OLD)
def test_signs_of_python2(source):
    assert needs_python2(failure(source))


@pytest.mark.parametrize("source", ["x = = 1", "undefined", "{}.nothing()", "import nowhere", "print(1", "1 + 'a'"])
def test_other_errors_are_no_sign(source):
    assert not needs_python2(failure(source))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("for k in d.iteritems(): pass", True),
        ("import numpy as np\nx = np.float(3)", True),
        ("from scipy.misc import imread", True),
        ("def f(n):\n    return n / 2", False),
        ("def f(n: int):\n    return long(n)", False),
        ("try:\n    xrange\nexcept NameError:\n    xrange = range", False),
        ("import sys\nif sys.version_info[0] < 3:\n    range = xrange", False),
        ("from functools import reduce\nreduce(max, [1])", False),
    ],
)
def test_files_that_python3_reads(source, expected):
    assert is_python2(ast.parse(source)) == expected


def test_array_is_a_copy_only_where_it_must_be():
    from cnnvis_caffe.pycaffe.python2.old_numpy import NUMPY

    values = np.arange(3.0)
    assert NUMPY.names["array"](values, copy=False) is values
    assert NUMPY.names["array"](values, np.float32, copy=False).dtype == np.float32
    assert NUMPY.names["array"](values) is not values
